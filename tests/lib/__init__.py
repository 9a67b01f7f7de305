# SPDX-License-Identifier: BSD-2-Clause
"""What guest tests, the demonstration and the benchmarks have in common."""
