"""What is kept on disk between ticks and between runs: the state and the history."""
