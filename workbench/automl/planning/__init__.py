"""What there is to spend: time, memory, and what a fit is expected to take of both."""
