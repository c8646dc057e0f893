"""The HTML pages, one file per page, and the pure view functions they show."""
