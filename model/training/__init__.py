"""Training: the data of each step (`batches`), one step (`engine`), the criterion (`losses`), and a whole run."""
