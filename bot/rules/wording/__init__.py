"""What people read: messages, answers, pull-request texts and refusals.  Text from outside is escaped here."""
