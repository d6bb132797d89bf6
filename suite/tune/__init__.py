"""Search for the settings with the best figure: a space, trials, a study, a script, a page.

Optuna is imported by ``study`` alone, and plotly by ``page`` alone.
"""
