"""Zip and CMS, as streams: plain bytes in, sealed bytes out, nothing held whole."""
