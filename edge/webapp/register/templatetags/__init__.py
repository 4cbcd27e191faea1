"""Words that templates know beside Django's own."""
