"""What a traced test records, and how records become layers."""
