"""A telephone network in memory: the fake of ivr.telephony.port, with people whose phones a script operates."""
