"""Training: what each step sees (`batches`), one step (`engine`), the criterion (`losses`), and the run around them."""
