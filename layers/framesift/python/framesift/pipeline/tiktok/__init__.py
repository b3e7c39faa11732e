"""TikTok's day: crawl categories, keep Korean, rank, publish lists, archive the rest."""
