"""The Spanwise server: takes spans, reads them, prices them, keeps them and shows them."""

from .compiled import install as _install_compiled

_install_compiled()
