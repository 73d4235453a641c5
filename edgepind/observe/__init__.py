"""What looks at the world and returns values: the link, the status endpoint, the clock."""
