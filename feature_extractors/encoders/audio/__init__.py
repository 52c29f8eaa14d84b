"""Audio encoders, PANN Cnn14 and CLAP: one row for each clip in which the file has sound."""
