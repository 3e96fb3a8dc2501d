"""The spine that producers, processors and consumers share: settings, Kafka clients, logs, errors, command line."""
