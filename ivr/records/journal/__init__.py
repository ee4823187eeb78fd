"""The write-behind journal of the records: what the database does not take at once is kept until it does."""
