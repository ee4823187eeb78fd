"""Tools for the demo, the bench and the tests: a softphone, a scripted caller, a private Asterisk."""
