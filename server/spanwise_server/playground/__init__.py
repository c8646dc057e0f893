"""The playground: calls made again or anew, through the providers' own clients, traced like any other."""
