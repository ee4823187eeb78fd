"""The people who take calls over: who is on duty, who is free, who is offered which caller."""
