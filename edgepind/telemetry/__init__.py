"""What is told: the journal, the notification socket, the status file, the metrics."""
