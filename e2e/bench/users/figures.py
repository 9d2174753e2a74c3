"""What is measured of many users, and what each figure should be."""

from bench.figures import Measure, Measured


class UsersFigure(Measured):
    """Ratios are to the same MailStack with a users file of 100 users, in the same run."""

    ASKED = Measure("A recipient is asked for : file of 100", "", 1.5, 3)
    LOGIN = Measure("A login : file of 100", "", 1.5, 3)
    DELIVERY = Measure("A delivery : file of 100", "", 1.2, 2)
    CPU = Measure("Processor time of Dovecot for these : file of 100", "", 1.2, 2)
    START = Measure("Start of Dovecot until it knows a user : file of 100", "", 1.2, 2)
    MEMORY = Measure("Memory of Dovecot after these : file of 100", "", 1.2, 2)
