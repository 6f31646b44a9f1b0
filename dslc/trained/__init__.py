"""What a run has learnt, put to use: measured again, asked for predictions, and for text."""
