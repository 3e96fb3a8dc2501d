"""Order entry that journals: intent before the call, outcome after it."""
