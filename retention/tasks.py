"""Wake-up calls of retention. What is to be done stands in the database; a lost or doubled message changes nothing."""
