"""Question answering on data sets in SQuAD's form."""
