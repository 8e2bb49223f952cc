"""What leaves the house to a person: messages, the outbox, the senders."""
