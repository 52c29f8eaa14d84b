"""How moments were retrieved, beyond single numbers: the curves and tables that figures of predictions draw."""
