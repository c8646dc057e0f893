"""The Spanwise server: takes spans, reads them, prices them, keeps them and shows them."""
