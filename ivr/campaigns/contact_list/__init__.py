"""Lists of contacts: a spreadsheet's bytes → a table → contacts, or every fault with its line. No I/O."""
