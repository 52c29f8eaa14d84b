"""Audio encoders, PANN Cnn14 and CLAP: one row per clip that has sound."""
