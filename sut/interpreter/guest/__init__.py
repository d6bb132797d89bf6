"""What runs in the other Python, from 3.6 on: the standard library alone, and no syntax since."""
