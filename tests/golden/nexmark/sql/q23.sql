select b.auction, b.bidder, b.price, b.ts, p.name, p.city, a.id, a.category
from bid b join person p on b.bidder = p.id join auction a on p.id = a.seller
