"""Avro for the hot path: readers and writers made from a schema once. fastavro is what they are tested against."""
