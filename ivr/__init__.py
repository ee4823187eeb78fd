"""Huifang: spoken callback surveys and complaint lines."""
