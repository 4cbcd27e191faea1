"""Commands of Django for the register."""
