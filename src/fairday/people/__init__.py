"""People: identity, what is known of them, audiences, consent."""
