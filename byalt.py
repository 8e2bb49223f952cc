alts=[]
