"""Stand-ins for outside services, on loopback: TikTok's pages, YouTube, Custom Vision and Translate."""
