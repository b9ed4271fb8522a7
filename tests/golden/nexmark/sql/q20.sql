select b.auction, b.bidder, b.price, b.ts, b.extra, a.seller, a.initial_bid, a.reserve, a.ts as opens, a.expires
from bid b join auction a on b.auction = a.id where a.category = 10
