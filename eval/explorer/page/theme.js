"use strict";
/* Light or dark, as the system has it: in the head, so that the first paint has the right colours. */
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
