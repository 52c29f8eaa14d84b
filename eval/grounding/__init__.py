"""Results of video temporal grounding by language models, in the files of TimeLens and lmms-eval."""
