"""The pages, tables and rules of the register, as a Django application."""
