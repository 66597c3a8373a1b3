"""From a vendor's drops to bars, actions, symbols and filings: parsing, revisions, knowledge time."""
