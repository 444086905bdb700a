"""Task sets drawn at random: utilizations, periods, deadlines, priorities, processors.

Each module knows one of these; :mod:`~distributor.tasks.generate.tasksets` puts them together.
"""
