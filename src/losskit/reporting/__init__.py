"""What comparisons and studies share: intervals over seeds, wording, pictures, the page.

Needs the extra ``losskit[compare]``.
"""
