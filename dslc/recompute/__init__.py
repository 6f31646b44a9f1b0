"""What the backward pass keeps and what it computes again, so that training fits into the memory that is given to it.

Reference: Chen, Xu, Zhang and Guestrin, 2016, arXiv:1604.06174.
"""
