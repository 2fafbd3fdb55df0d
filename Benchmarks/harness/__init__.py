"""What `bench.py` is made of: programs to start, works to drive them with, and the table."""
