# SPDX-License-Identifier: BSD-2-Clause
"""The memory devices' AML in ACPICA's interpreter."""
