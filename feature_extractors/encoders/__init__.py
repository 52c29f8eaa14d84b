"""Networks that turn pictures, sound and text into features, and the engine that runs them over a table of videos."""
