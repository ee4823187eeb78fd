"""Turn-taking: when the caller has answered a question, by voice or by keys. Pure, in virtual time."""
