"""The repair worker: run by the project's interpreter inside the proving ground, standard library only, Python 3.9 on.

files        which files may be changed, their text, and edits as spliced text
runners      unittest and pytest, in this process, imported once
localise     which lines the failing tests run and the passing ones don't (Ochiai)
scope, families
             what an edit is made from: the names and texts around it, and what people mix up
expressions, calls, wholes, statements, insertions
             the edits that are tried, each a change of the text
candidates   all edits of all suspects, in the order in which they are tried
patch        a candidate put into the living process
children     forked processes with limits
search       a fork per candidate
main         request in, response out
"""
