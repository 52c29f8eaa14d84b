"""The explorer: a page for browsing a study's queries, opened from disk, without a server.

Python writes data: `answers` reads the files of runs, `query_data` and `study_data` turn them into JSON objects
(`curves` packs the numbers), `site` writes them as scripts next to the page. The page itself is in `page/`.
"""
